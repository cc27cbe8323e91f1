#!/bin/sh
# Every verb and option that klab knows is in the manual page, and the other way
# round: test_man.sh KLAB PAGE
set -eu
klab=$1 page=$2 bad=0

check() { # KIND NAME PATTERN
	if ! grep -qE -- "$3" "$page"; then
		echo "not ok - $1 $2 is not in $page"
		bad=1
	fi
}

words=$("$klab" completion bash | sed "s/.*-W '//; s/'.*//")
for word in $words; do
	case $word in
	--*) check option "$word" "Fl ([a-z] , )?-${word#--}( |\$)" ;;
	*) check verb "$word" "^\\.It Cm $word\$" ;;
	esac
done
for name in $(sed -n 's/^\.It Cm //p' "$page"); do
	case " $words " in
	*" $name "*) ;;
	*) echo "not ok - klab has no verb $name"; bad=1 ;;
	esac
done
[ $bad = 0 ] && echo "ok - $page and klab name the same verbs and options"
exit $bad
