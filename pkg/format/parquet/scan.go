package parquet

// The functions in this file scan JSON that is known to be valid. They validate
// nothing and copy nothing.

// members visits the members of an object. Names include their quotes.
func members(object []byte, visit func(name, value []byte)) {
	for at := space(object, 1); object[at] != '}'; {
		end := value(object, at)
		from := space(object, space(object, end)+1) // past the colon
		to := value(object, from)
		visit(object[at:end], object[from:to])
		at = next(object, to)
	}
}

// elements visits the elements of an array until visit returns an error.
func elements(array []byte, visit func(element []byte) error) error {
	for at := space(array, 1); array[at] != ']'; {
		end := value(array, at)
		if err := visit(array[at:end]); err != nil {
			return err
		}
		at = next(array, end)
	}
	return nil
}

// next returns the start of the value after a comma, or the closing bracket.
func next(json []byte, at int) int {
	if at = space(json, at); json[at] == ',' {
		at = space(json, at+1)
	}
	return at
}

// space returns the end of white space.
func space(json []byte, at int) int {
	for json[at] <= ' ' {
		at++
	}
	return at
}

// value returns the end of the value that starts at from.
func value(json []byte, from int) int {
	switch json[from] {
	case '"':
		return quoted(json, from)
	case '{', '[':
		return nested(json, from)
	default:
		for at := from + 1; at < len(json); at++ {
			switch c := json[at]; {
			case c <= ' ', c == ',', c == ']', c == '}':
				return at
			}
		}
		return len(json)
	}
}

// quoted returns the end of the string that starts at from.
func quoted(json []byte, from int) int {
	for at := from + 1; ; at++ {
		switch json[at] {
		case '"':
			return at + 1
		case '\\':
			at++
		}
	}
}

// nested returns the end of the object or array that starts at from.
func nested(json []byte, from int) int {
	depth := 0
	for at := from; ; at++ {
		switch json[at] {
		case '"':
			at = quoted(json, at) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		}
	}
}
