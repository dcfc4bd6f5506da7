# Completion of mirrorsim's commands, options and their choices, all asked from the program itself.
_mirrorsim() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]} choices=
  if [ "$before" = = ]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if [[ $before == --* ]]; then
    choices=$("$program" list "${before#--}" 2>/dev/null | cut -d' ' -f1)
  fi
  if [ -n "$choices" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "${word#=}")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--config --help --man --usage --version $("$program" list settings |
      sed 's/^\([^ ]*\).*/--\1/')" -- "$word")
  elif [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$program" list commands | cut -d' ' -f1)" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _mirrorsim mirrorsim
