package lambda

// Fail makes err the answer to every event, as Start does with an error.
func Fail(f Function, err error) { f.fail(err) }
