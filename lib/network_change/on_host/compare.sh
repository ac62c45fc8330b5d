# shellcheck shell=sh
# shellcheck disable=SC1091  # the plan is written beside it on the host
# kvm-play: says what of the host differs from the snapshot, once it has gone back. One line each:
#   reach WORDS     it matters to reaching the host
#   other WORDS     anything else
#   unread WORDS    what could not be compared

# Links for which NetworkManager asks for a lease without end, each behind a blank.
links_asking() {
  for note in "$work"/asking.*; do
    [ ! -e "$note" ] || printf ' %s' "${note##*/asking.}"
  done
}

# What differs in the network's state.
network_differences() {
  look || { echo 'unread the state of the network'; return; }
  sort -u "$here/state" "$work/state" | sed -n 's/^unread /unread /p'
  awk -v ours=" $links ${carrier-} " -v asking="$(links_asking) " '
    function reach(link) { return ours ~ /^ *$/ || index(ours, " " link " ") ? "reach" : "other" }
    function inWords(key, value) {
      if (key == "up" || key == "noarp") return (value == 1) == (key == "up") ? (key == "up" ? "up" : "with ARP") : (key == "up" ? "down" : "without ARP")
      return value == "-" ? "none" : value
    }
    # An address on its link, or a route but for the address that it speaks from: one that is still there reaches as far.
    function core(line,   part) {
      if (line ~ /^address /) { split(line, part, " "); return part[1] " " part[2] " " part[4] }
      sub(/ src [^ ]*/, "", line)
      return line
    }
    $1 == "unread" { next }
    whole != "" { both[whole, core($0)] = 1; next }
    {
      n = $1 == "link" ? 3 : $1 == "sysctl" || $1 == "unit" ? 2 : 0
      if (n == 0) { sets[++count] = $0; when[count] = now; next }
      key = $1 " " $2 (n == 3 ? " " $3 : "")
      if (!(key in seen)) keys[++known] = key
      seen[key] = 1
      value[now, key] = substr($0, length(key) + 2)
    }
    END {
      for (i = 1; i <= known; i++) {
        split(keys[i], part, " ")
        # Asked first: to read an element is to make it.
        had = (("was", keys[i]) in value); has = (("is", keys[i]) in value)
        was = value["was", keys[i]]; is = value["is", keys[i]]
        if (part[1] == "link" && part[3] == "kind") {
          print reach(part[2]) " the link " part[2] " is " (has ? "there, and was not" : "gone")
        } else if (part[1] == "link") {
          if (!has) continue
          class = part[3] ~ /^(up|master|address)$/ ? reach(part[2]) : "other"
          print class " link " part[2] ": " part[3] " is " inWords(part[3], is) ", was " inWords(part[3], was)
        } else if (part[1] == "sysctl") {
          if (!had) continue
          gsub("/", ".", part[2])
          print "other net." part[2] " is " (has ? is : "empty") ", was " was
        } else print "other the unit " part[2] " is " (is == "" ? "unknown" : is) ", was " was
      }
      for (i = 1; i <= count; i++) {
        n = split(sets[i], part, " "); isGone = when[i] == "was"
        words = sets[i]; sub(/^[^ ]* /, "", words)
        isKept = (("was", core(sets[i])) in both) && (("is", core(sets[i])) in both)
        isLost = isGone && !isKept
        if (part[1] == "address") print (isLost ? reach(part[2]) : "other") " the address " part[4] " of " part[2] (isGone ? " is gone: " : " is new: ") words
        else if (part[1] == "client") print (isGone ? reach(part[3]) : "other") " the DHCP client " part[2] " of " part[3] (isGone ? " does not run" : " runs, and did not")
        else if (part[1] == "connection" && isGone && index(asking, " " part[2] " ")) print "other NetworkManager has no lease yet for the link " part[2] ", and goes on asking for one"
        else if (part[1] == "connection") print (isGone ? reach(part[2]) : "other") " NetworkManager " (isGone ? "does not run the link " part[2] " with its connection " : "runs the link " part[2] " with the connection ") part[3] (isGone ? "" : ", and did not")
        else if (part[1] == "failed") print "other the unit " part[2] (isGone ? " had failed, and has not now" : " has failed")
        else {
          class = part[1] == "neighbour" ? "other" : isLost || part[1] == "rule" || !isGone && !isKept && words ~ /^[46] default/ ? "reach" : "other"
          print class " the " (part[1] == "learnt" ? "learnt route" : part[1]) " of IPv" part[2] (isGone ? " is gone: " : " is new: ") substr(words, 3)
        }
      }
    }' whole=was "$here/state" whole=is "$work/state" whole= now=was "$work/gone" now=is "$work/added"
}

file_differences() {
  while read -r number state; do
    is_restored "$number" "$state" && continue
    path=$(cat "$here/files/$number.path")
    case $path in /etc/resolv.conf) class=other ;; *) class=reach ;; esac
    echo "$class the file $path is not what it was"
  done < "$here/files/list"
  added_unit_links | sed 's/^/reach units are started at boot that were not: /'
  unit_links | comm -13 - "$here/unit-links" | cut -f1 | sed 's/^/reach units are not started at boot that were: /'
}

differences() {
  network_differences
  file_differences
}

# Keeps what differs beside the snapshot; a disk that is full keeps nothing, and it is looked for once more when somebody asks.
record_differences() {
  mkdir -p "$work"
  differences > "$work/differences" || return 1
  cp -- "$work/differences" "$here/differences.$$" 2>/dev/null && mv -f "$here/differences.$$" "$here/differences" && return
  rm -f -- "$here/differences.$$"
}

# Compares a change that was rolled back where nobody has yet: after a reboot only what starts later brings the network up.
compare() {
  here=$last
  waited=0
  until [ "$(current_id)" = "$id" ] && [ -e "$here/rolled-back" ]; do
    [ $waited -lt 30 ] || exit "$unknown"
    sleep 1
    waited=$((waited + 1))
  done
  . "$here/plan"
  end=$(($(uptime) + 20))
  until record_differences && [ ! -s "$work/differences" ] || [ "$(uptime)" -ge $end ]; do sleep 1; done
  tell_differences "$work/differences"
  rm -rf -- "$work"
}

# At most so many are told; all of them are in the file.
told=40
tell_differences() {
  [ -r "$1" ] || return 0
  echo 'compared yes'
  head -n $told "$1" | sed 's/^/differs /'
  more=$(($(wc -l < "$1") - told))
  [ $more -le 0 ] || echo "differs other $more more in $last/differences"
}
