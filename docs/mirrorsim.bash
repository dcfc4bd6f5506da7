# Completion of mirrorsim's commands, options and their choices, all asked from the program itself.
_mirrorsim() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]} list=
  case $before in
  --model) list=models ;;
  --param) list=params ;;
  --wd-schedule) list=schedules ;;
  --flow) list=flows ;;
  --state) list=states ;;
  --method) list=methods ;;
  --solver) list=solvers ;;
  --loss) list=losses ;;
  esac
  if [ -n "$list" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$program" list "$list" | cut -d' ' -f1)" -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--config --help --usage --version $("$program" list settings |
      sed 's/^\([^ ]*\).*/--\1/')" -- "$word")
  elif [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "run list plot" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _mirrorsim mirrorsim
