/** What pages of accounts do inside the frame. */

import "./js/passkeys.js";
import "./js/picture.js";
