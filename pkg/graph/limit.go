package graph

import (
	"fmt"
	"io"
)

// What one answer may make the client keep at once. Graph's largest users (thousands of
// proxy addresses) stay far below.
const (
	maxUser    = 4 << 20   // bytes of a user
	maxMember  = 256 << 10 // bytes of any other member of a page, such as a link
	maxBody    = maxUser   // bytes of a body that is read as a whole
	maxError   = 64 << 10  // bytes of an error's body that are read
	maxID      = 256       // bytes of a user's id, a GUID
	maxMembers = 1000      // members of a page
	maxPage    = 10_000    // users of a page, ten times Graph's largest
)

// sizeError says that a part of an answer is too large. It is final: the answer would be
// the same once more.
type sizeError struct {
	what  string
	limit int
}

func (e *sizeError) Error() string {
	return fmt.Sprintf("the response is not what Graph sends: %s is larger than %d KiB", e.what, e.limit>>10)
}

// readBody reads a whole body of at most limit bytes.
func readBody(body io.Reader, what string, limit int) ([]byte, error) {
	all, err := io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if len(all) > limit {
		return nil, &sizeError{what, limit}
	}
	return all, err
}
