#!/bin/sh
# install.sh - puts the Debian packages of Request Tracker 5 on this machine, for the tests of the help desk (as root).
# No service is started or left behind: the tests run an instance of their own (server.ts). Does nothing when all is there.
# Gone again with: apt-get purge request-tracker5 rt5-standalone rt5-db-postgresql rt5-db-sqlite && apt-get autoremove
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

wanted='request-tracker5 rt5-standalone rt5-db-postgresql rt5-db-sqlite dbconfig-no-thanks'
# RT depends on a mail server; this one is the smallest, and no daemon
[ -x /usr/sbin/sendmail ] || wanted="$wanted msmtp-mta"

missing=''
for package in $wanted; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

# RT's packages would make a database, a configuration and a cron job of their own
debconf-set-selections <<'ANSWERS'
request-tracker5 request-tracker5/dbconfig-install boolean false
request-tracker5 request-tracker5/install-cronjobs boolean false
request-tracker5 request-tracker5/handle-siteconfig-permissions boolean true
request-tracker5 request-tracker5/rtname string localhost
request-tracker5 request-tracker5/organization string localhost
request-tracker5 request-tracker5/correspondaddress string rt@localhost
request-tracker5 request-tracker5/commentaddress string rt-comment@localhost
request-tracker5 request-tracker5/webbaseurl string http://127.0.0.1
request-tracker5 request-tracker5/webpath string
msmtp msmtp/apparmor boolean false
ANSWERS

install() {
  # shellcheck disable=SC2086 -- a list of words
  apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-unsafe-io \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold $missing </dev/null
}
# what the machine knows of the archive may be old, or nothing
install || { apt-get update -qq -o DPkg::Lock::Timeout=300 && install; }
