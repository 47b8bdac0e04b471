#compdef rollcall
# rollcall: completion for zsh
_rollcall() {
    local line
    local -a candidates
    for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
            '') ;;
            :files) _files; return ;;
            *$'\t'*) candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
            *) candidates+=("${line//:/\\:}") ;;
        esac
    done
    _describe rollcall candidates
}
if [[ $funcstack[1] == _rollcall ]]; then
    _rollcall "$@"
else
    compdef _rollcall rollcall
fi
