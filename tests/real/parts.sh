# SPDX-License-Identifier: BSD-2-Clause
# Programs that are used but not installed: Debian's packages of them would
# start servers, ask questions or pull in a mail system; one is not in apt at
# all. Sourced by run.sh after scripts/common.sh.

# In "main" and in "contrib".
PARTS="haproxy inn2 inn2-inews leafnode libnews-nntpclient-perl sinntp slrn slrnpull
	suck testssl.sh tin"
PARTS_CONTRIB="sabnzbdplus"
NYUU=nyuu@0.4.0

# contrib DIR: apt's options for a list of the section "contrib" of the
# distribution that the machine uses, kept in DIR.
contrib()
{
	local dir=$1 url

	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" || return 1
	url=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' \
		'Created-By: Packages' 'Origin: Debian' |
		sed -n 's/^bookworm main //p' | head -n 1)
	[ -n "$url" ] || { echo "apt has no section main"; return 1; }
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"$url bookworm contrib" >"$dir/sources.list"
	CONTRIB=(-o "Dir::Etc::sourcelist=$dir/sources.list"
		-o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir/cache")
	apt_get "${CONTRIB[@]}" update
}

# unpack_parts DIR: nothing of it runs with more rights than ours.
unpack_parts()
{
	local dir=$1 deb stamp="$PARTS $PARTS_CONTRIB"

	[ "$(cat "$dir/unpacked" 2>/dev/null)" = "$stamp" ] && return
	rm -rf "$dir"
	mkdir -p "$dir/debs" && cd "$dir/debs" || return 1
	contrib "$dir/contrib" && apt_get "${CONTRIB[@]}" download \
		$PARTS_CONTRIB || return 1
	apt_get download $PARTS || { apt_get update && apt_get download $PARTS
	} || return 1
	for deb in *.deb; do
		dpkg -x "$deb" "$dir" || return 1
	done
	chmod -R u-s,g-s,a+rX "$dir" && rm -r "$dir/debs" "$dir/contrib" &&
		echo "$stamp" >"$dir/unpacked"
}

# install_nyuu DIR: a part of it is compiled, for which Node's own headers do.
install_nyuu()
{
	local dir=$1

	[ "$(cat "$dir/installed" 2>/dev/null)" = "$NYUU" ] && return
	rm -rf "$dir"
	mkdir -p "$dir" && cd "$dir" || return 1
	if [ -e /usr/include/node/node.h ]; then
		export npm_config_nodedir=/usr
	fi
	npm install --no-fund --no-audit --prefix "$dir" "$NYUU" &&
		[ -e "$dir/node_modules/yencode/build/Release/yencode.node" ] &&
		echo "$NYUU" >"$dir/installed"
}
