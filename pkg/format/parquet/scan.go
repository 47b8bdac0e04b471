package parquet

// The functions here walk through JSON that is known to be valid. They check
// nothing again and copy nothing.

// members visits the members of an object. name has its quotes.
func members(object []byte, visit func(name, value []byte)) {
	for at := space(object, 1); object[at] != '}'; {
		end := value(object, at)
		from := space(object, space(object, end)+1) // past the colon
		to := value(object, from)
		visit(object[at:end], object[from:to])
		at = next(object, to)
	}
}

// elements visits the elements of an array, until visit says stop.
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

// next returns where the value after a comma starts, or the closing bracket.
func next(json []byte, at int) int {
	if at = space(json, at); json[at] == ',' {
		at = space(json, at+1)
	}
	return at
}

// space returns where white space ends.
func space(json []byte, at int) int {
	for json[at] <= ' ' {
		at++
	}
	return at
}

// value returns where the value that starts at from ends.
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

// quoted returns where the string that starts at from ends.
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

// nested returns where the object or array that starts at from ends.
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
