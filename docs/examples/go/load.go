package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// user is the part of a user that this example reads.
type user struct {
	ID                string `json:"id"`
	UserPrincipalName string `json:"userPrincipalName"`
	DisplayName       string `json:"displayName"`
}

// load returns every user of the snapshot by id, or an error: nothing is used
// before everything is verified.
func load(ctx context.Context, s store, l *latest, m *manifest) (map[string]user, error) {
	users := make(map[string]user, m.Users)
	for _, o := range m.Objects {
		key, err := l.key(o)
		if err != nil {
			return nil, err
		}
		if err := read(ctx, s, key, m.Compression, o, users); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	if len(users) != m.Users {
		return nil, fmt.Errorf("the objects contain %d users, and the manifest says %d", len(users), m.Users)
	}
	return users, nil
}

// read adds the users of one object.
func read(ctx context.Context, s store, key, compression string, o object, users map[string]user) (err error) {
	body, err := s.open(ctx, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	stored := &digest{hash: sha256.New()}
	raw := io.TeeReader(body, stored)
	before := len(users)
	malformed := decode(raw, compression, users)
	if _, err := io.Copy(io.Discard, raw); err != nil { // the rest that decompression did not read
		return err
	}
	switch {
	case stored.bytes != o.Bytes:
		return fmt.Errorf("it has %d bytes, and the manifest says %d", stored.bytes, o.Bytes)
	case hex.EncodeToString(stored.hash.Sum(nil)) != o.SHA256:
		return errors.New("it is not what was published: its digest is different")
	case malformed != nil:
		return malformed
	case len(users)-before != o.Users:
		return fmt.Errorf("it contains %d users, and the manifest says %d", len(users)-before, o.Users)
	}
	return nil
}

// digest counts and hashes the stored bytes of an object.
type digest struct {
	hash interface {
		io.Writer
		Sum([]byte) []byte
	}
	bytes int64
}

func (d *digest) Write(p []byte) (int, error) {
	d.bytes += int64(len(p))
	return d.hash.Write(p)
}

// decode adds one user per line. No user may appear twice.
func decode(raw io.Reader, compression string, users map[string]user) error {
	plain, err := decompress(raw, compression)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(plain)
	lines.Buffer(make([]byte, 0, 64<<10), 16<<20)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var u user
		if err := json.Unmarshal(lines.Bytes(), &u); err != nil || u.ID == "" {
			return errors.New("a line is not a user")
		}
		if _, twice := users[u.ID]; twice {
			return fmt.Errorf("user %s appears twice", u.ID)
		}
		users[u.ID] = u
	}
	return lines.Err()
}

func decompress(raw io.Reader, compression string) (io.Reader, error) {
	switch compression {
	case "none":
		return raw, nil
	case "gzip":
		return gzip.NewReader(raw)
	case "zstd":
		return zstd.NewReader(raw, zstd.WithDecoderConcurrency(1)) // no goroutine to close
	}
	return nil, fmt.Errorf("this example does not support the compression %q", compression)
}
