package secret

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxSize is what Secrets Manager allows a secret to be, in bytes.
const maxSize = 64 << 10

// ReadFile reads a file as [Reader] does; the error, an *[Error], does not name it.
func ReadFile(path string) ([]byte, error) {
	text, err := readAtMost(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Kind: Missing, Problem: "the file of the secret does not exist", Advice: "create it, or correct its path where it is configured", Err: fs.ErrNotExist}
	case errors.Is(err, fs.ErrPermission):
		return nil, &Error{Kind: Forbidden, Problem: "the file of the secret may not be read", Advice: "give this user read permission", Err: fs.ErrPermission}
	case err != nil && !errors.As(err, new(*Error)):
		return nil, &Error{Kind: Unavailable, Problem: "the file of the secret could not be read", Advice: "check the file system", Err: err}
	}
	return text, err
}

func readAtMost(path string) (_ []byte, err error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, &Error{Kind: Malformed, Problem: "the file of the secret is a directory", Advice: "name the file itself"}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = &Error{Kind: Malformed, Problem: "the file of the secret is larger than 64 KiB", Advice: "name the right one"}
	}
	return text, err
}
