# SPDX-License-Identifier: MIT
# Given to a machine that was booted from its own disk: does it do what it is for?
check() {
  "$@" > /run/check 2>&1 && return
  echo "selfcheck: $* failed: $(tail -n 3 /run/check)"
  exit 1
}
ip link set eth0 up
check udhcpc -i eth0 -n -q -t 10 -T 1 -s /etc/guest/udhcpc
case $(cat /etc/hostname) in
server)
  check sh /etc/guest/standalone
  check wget -q -O /run/f0 http://127.0.0.1/f0
  check cmp /run/f0 /srv/www/f0
  check netserver
  check pchase 64 48 65536
  ;;
client)
  check ab -V
  check httperf --version
  check netperf -V
  ;;
*)
  check false
  ;;
esac
echo "selfcheck: passed by $(cat /etc/hostname)"
