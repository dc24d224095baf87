#!/bin/sh
# Makes the secrets that compose.yaml names, once: what is there already stays. Usage: compose-secrets.sh [DIRECTORY]
set -eu
umask 077
directory=${1:-secrets}
mkdir -p "$directory"
cd "$directory"

secret() { [ -s "$1" ] || openssl rand -hex 32 | tr -d '\n' > "$1"; }

secret jwt_secret_key
secret postgres_password
secret storage_secret_key
printf 'postgresql://commonplace:%s@/commonplace?host=/var/run/postgresql' "$(cat postgres_password)" > database_url
cat > seaweedfs_identities <<JSON
{"identities": [{"name": "commonplace",
  "credentials": [{"accessKey": "commonplace", "secretKey": "$(cat storage_secret_key)"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
JSON
# Containers have users of their own, and read these files as others; the directory lets nobody else near them.
chmod 0444 ./*
