// Package published reads snapshots as a consumer does, and believes nothing of them that it
// has not checked.
package published

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// Users are the ids of users.
type Users map[string]bool

// Latest reads the object that names the latest run, the manifest that it names, and the
// objects that the manifest names, each checked against its digest. read returns what is at
// a URL.
func Latest(latest []byte, read func(url string) ([]byte, error)) (*snapshot.Manifest, Users, error) {
	var at snapshot.Latest
	if err := json.Unmarshal(latest, &at); err != nil {
		return nil, nil, err
	}
	proof, err := read(at.Manifest)
	if err != nil {
		return nil, nil, err
	}
	if digest(proof) != at.ManifestSHA256 {
		return nil, nil, errors.New("the manifest is not the one that latest names")
	}
	var m snapshot.Manifest
	if err := json.Unmarshal(proof, &m); err != nil {
		return nil, nil, err
	}
	if m.Status != snapshot.Complete {
		return nil, nil, fmt.Errorf("latest names a run that is %s", m.Status)
	}
	users := Users{}
	for _, o := range m.Objects {
		object, err := read(o.URL)
		if err != nil {
			return nil, nil, err
		}
		if int64(len(object)) != o.Bytes || digest(object) != o.SHA256 {
			return nil, nil, fmt.Errorf("%s is not what the manifest says", o.URL)
		}
		before := len(users)
		if err := users.Add(object); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", o.URL, err)
		}
		if len(users)-before != o.Users {
			return nil, nil, fmt.Errorf("%s has %d users, want %d", o.URL, len(users)-before, o.Users)
		}
	}
	if len(users) != m.Users {
		return nil, nil, fmt.Errorf("the manifest says %d users, there are %d", m.Users, len(users))
	}
	return &m, users, nil
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Add adds the users of an object, which is NDJSON in gzip. One who is there already is an
// error.
func (u Users) Add(object []byte) error {
	plain, err := gzip.NewReader(bytes.NewReader(object))
	if err != nil {
		return err
	}
	for lines := json.NewDecoder(plain); lines.More(); {
		var user struct{ ID string }
		if err := lines.Decode(&user); err != nil {
			return err
		}
		if u[user.ID] {
			return fmt.Errorf("user %s is there twice", user.ID)
		}
		u[user.ID] = true
	}
	return nil
}
