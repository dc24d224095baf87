/** What pages of accounts do inside the frame. */

import "./js/data.js";
import "./js/passkeys.js";
import "./js/picture.js";
