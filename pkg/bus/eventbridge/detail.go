package eventbridge

import (
	"errors"
	"strconv"
)

// deepest is how deep data may be nested. PutEvents processes 1000 levels; the
// CloudEvent around the data is one and EventBridge's own event another.
const deepest = 998

var (
	errDeep   = errors.New("its data is nested deeper than EventBridge reads (1000 levels)")
	errWide   = errors.New("its data has an integer beyond 64 bits, which EventBridge does not take")
	errType   = errors.New("EventBridge takes types of up to 128 characters")
	errSource = errors.New("EventBridge keeps sources that begin with aws. to itself")
)

// check reports what EventBridge would refuse in valid JSON: PutEvents takes
// integers from -2^63 to 2^63-1.
func check(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	depth := 0
	for i := 0; i < len(data); {
		switch c := data[i]; {
		case c == '"':
			i = pastString(data, i+1)
			continue
		case c == '{' || c == '[':
			if depth++; depth > deepest {
				return errDeep
			}
		case c == '}' || c == ']':
			depth--
		case c == '-' || c >= '0' && c <= '9':
			end := pastNumber(data, i)
			if wide(data[i:end]) {
				return errWide
			}
			i = end
			continue
		}
		i++
	}
	return nil
}

// pastString returns where the string ends whose content begins at i.
func pastString(data []byte, i int) int {
	for ; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

func pastNumber(data []byte, i int) int {
	for ; i < len(data); i++ {
		switch c := data[i]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
		default:
			return i
		}
	}
	return i
}

// wide reports whether the number is an integer of more than 64 bits.
func wide(number []byte) bool {
	if len(number) < 19 {
		return false
	}
	for _, c := range number {
		if c == '.' || c == 'e' || c == 'E' {
			return false
		}
	}
	_, err := strconv.ParseInt(string(number), 10, 64)
	return err != nil
}
