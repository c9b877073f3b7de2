# What zsh offers where Tab is pressed: zsh -f complete.zsh FOLDER LINE, the folder with _detoxml in it. Prints each
# word that is offered as <word>, among what the terminal shows.
zmodload zsh/zpty
read_until() {
  local chunk out=
  while zpty -r terminal chunk; do
    out+=$chunk
    [[ $out == *$1* ]] && break
  done
  REPLY=$out
}
zpty terminal zsh -f -i
# compadd with -O, -A or -D asks what would match, and offers nothing.
zpty -w terminal "PS1='' PS2=''; stty -echo; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=1000
compadd() {
  local -a hits
  if [[ \$* != *-[OAD]* ]]; then builtin compadd -O hits \"\$@\"; print -rl -- '<'\${^hits}'>'; fi
  builtin compadd \"\$@\"
}
finish() { print -r -- '<END>'; BUFFER=''; zle accept-line }
zle -N finish; zle -C offer list-choices _main_complete; bindkey '^T' offer; bindkey '^N' finish; print '<READY>'"
read_until '<READY>'
zpty -w -n terminal "$2"$'\x14'$'\x0e'
read_until '<END>'
print -r -- $REPLY
zpty -d terminal
