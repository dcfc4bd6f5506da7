# awk -v most=1e-10 -f agree.awk A B: are the numbers of two texts the same to that, relative to large ones,
# and all else to the letter? Where B has nothing (an empty field, null) it is not compared.
BEGIN {
  FS = "[,:]"
  while ((getline line < ARGV[1]) > 0) {
    rows++
    fields = split(line, a, FS)
    if ((getline < ARGV[2]) <= 0 || NF != fields)
      fail("another number of lines or fields")
    for (i = 1; i <= fields; i++)
      compare(a[i], $i)
  }
  if ((getline < ARGV[2]) > 0 || rows == 0)
    fail("another number of lines")
  printf "%s: %d numbers, apart by %.1e", ARGV[2], numbers, worst
  print (worst > most ? " in line " where : "")
  exit worst > most
}

function fail(what) {
  print ARGV[1] " and " ARGV[2] ": line " rows ": " what ": " line
  exit 1
}

function compare(a, b, difference, size) {
  if (b == "" || b == " null" || a == b) {
    numbers += a ~ /^ *-?[0-9]/ && a == b
    return
  }
  if (a !~ /^ *-?[0-9]/ || b !~ /^ *-?[0-9]/)
    fail(a " and " b)
  numbers++
  difference = a - b
  size = a < 0 ? -a : +a
  if (difference < 0)
    difference = -difference
  if (size > 1)
    difference /= size
  if (difference > worst) {
    worst = difference
    where = rows
  }
}
