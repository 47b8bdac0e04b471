package property

import "math"

const (
	microsecond = 1
	second      = 1_000_000 * microsecond
	minute      = 60 * second
	hour        = 60 * minute
	day         = 24 * hour

	// The years 1 to 9999 are the range of SQL and Python.
	firstInstant  = -719_162 * day
	endOfInstants = 2_932_897 * day
)

// ParseInstant parses an Edm.DateTimeOffset as Graph writes it,
// 2024-01-02T03:04:05Z with an optional fraction and Z or an offset, into
// microseconds since 1970. exact is false if the fraction has more digits than that;
// ok is false if text is not a date, or outside the years 1 to 9999.
func ParseInstant(text []byte) (micros int64, exact, ok bool) {
	if len(text) < len("2024-01-02T03:04:05Z") || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
		text[13] != ':' || text[16] != ':' {
		return 0, false, false
	}
	year, month, date := number(text[:4]), number(text[5:7]), number(text[8:10])
	hours, minutes, seconds := number(text[11:13]), number(text[14:16]), number(text[17:19])
	if month < 1 || month > 12 || date < 1 || date > daysIn(year, month) ||
		uint64(hours) > 23 || uint64(minutes) > 59 || uint64(seconds) > 59 {
		return 0, false, false
	}
	fraction, exact, rest := fractionOf(text[19:])
	offset, ok := offsetOf(rest)
	if !ok {
		return 0, false, false
	}
	micros = days(year, month, date)*day + hours*hour + minutes*minute + seconds*second + fraction - offset
	return micros, exact, year >= 0 && micros >= firstInstant && micros < endOfInstants
}

// number parses digits. Anything else gives a number far below zero.
func number(digits []byte) int64 {
	n := int64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return math.MinInt32
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// fractionOf parses the digits after a point, if there is one.
func fractionOf(text []byte) (micros int64, exact bool, rest []byte) {
	if len(text) < 2 || text[0] != '.' || text[1] < '0' || text[1] > '9' {
		return 0, true, text
	}
	exact = true
	unit := int64(second / 10)
	for text = text[1:]; len(text) > 0 && '0' <= text[0] && text[0] <= '9'; text = text[1:] {
		digit := int64(text[0] - '0')
		if unit == 0 && digit != 0 {
			exact = false
		}
		micros += digit * unit
		unit /= 10
	}
	return micros, exact, text
}

// offsetOf parses Z or +hh:mm.
func offsetOf(text []byte) (micros int64, ok bool) {
	if len(text) == 1 {
		return 0, text[0] == 'Z'
	}
	if len(text) != len("+01:00") || text[3] != ':' || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	hours, minutes := number(text[1:3]), number(text[4:6])
	if uint64(hours) > 23 || uint64(minutes) > 59 {
		return 0, false
	}
	micros = hours*hour + minutes*minute
	if text[0] == '-' {
		micros = -micros
	}
	return micros, true
}

func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// days returns the number of days since 1970-01-01 in the Gregorian calendar. Its
// years start in March, so that the leap day is the last day.
func days(year, month, date int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	const marchOfYearZero = -719_468
	return 365*year + floor(year, 4) - floor(year, 100) + floor(year, 400) + (153*(month-3)+2)/5 + date - 1 + marchOfYearZero
}

// floor divides and rounds down, below zero too.
func floor(a, b int64) int64 {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}
