package baseline

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// IDs is an object in the state store that holds the ids of users, 16 bytes each
// ([list.ID.AppendTo]), in no order.
type IDs struct {
	Key    string `json:"key"`
	Users  int    `json:"users"`
	SHA256 string `json:"sha256"`
}

// blockSize is the size in bytes at which ids are stored, 65,536 of them. A whole
// block is one small object, which takes less memory than an upload.
const blockSize = 1 << 20

// IDWriter stores ids block by block, as objects that may expire until a [Record] names
// them: most runs that stop half-way are never resumed.
type IDWriter struct {
	store Store
	name  string
	block []byte
	done  []IDs
}

// NewIDWriter returns a writer of objects whose keys start with name.
func NewIDWriter(at Store, name string) *IDWriter { return &IDWriter{store: at, name: name} }

// Add adds an id.
func (w *IDWriter) Add(ctx context.Context, id list.ID) error {
	if w.block == nil {
		w.block = make([]byte, 0, blockSize)
	}
	w.block = id.AppendTo(w.block)
	if len(w.block) < blockSize {
		return nil
	}
	return w.Flush(ctx)
}

// Flush stores what has not been stored yet.
func (w *IDWriter) Flush(ctx context.Context) error {
	if len(w.block) == 0 {
		return nil
	}
	sum := sha256.Sum256(w.block)
	object := IDs{Key: fmt.Sprintf("%s-%d", w.name, len(w.done)+1), Users: len(w.block) / list.IDSize, SHA256: hex.EncodeToString(sum[:])}
	// Recorded before it is stored: if the reply is lost, the object may be there.
	w.done = append(w.done, object)
	err := store.Update(ctx, store.Expendable{Swapper: w.store}, object.Key, func([]byte) ([]byte, error) { return w.block, nil })
	w.block = w.block[:0]
	return err
}

// Objects are the objects stored so far, and one whose storing failed.
func (w *IDWriter) Objects() []IDs { return w.done }

// ReadIDs reads the ids in objects. An object that is not what was written is a
// [store.StateError].
func ReadIDs(ctx context.Context, at Store, objects []IDs) iter.Seq2[list.ID, error] {
	return func(yield func(list.ID, error) bool) {
		for _, o := range objects {
			more, err := readObject(ctx, at, o, yield)
			if err != nil {
				yield(list.ID{}, err)
				return
			}
			if !more {
				return
			}
		}
	}
}

// readObject yields the ids in one object. It reports false when the consumer wants
// no more.
func readObject(ctx context.Context, at Store, o IDs, yield func(list.ID, error) bool) (bool, error) {
	body, err := at.Open(ctx, o.Key)
	if err != nil {
		return false, err
	}
	defer func() { _ = body.Close() }()
	hash := sha256.New()
	r := bufio.NewReaderSize(io.TeeReader(body, hash), 64<<10)
	var id [list.IDSize]byte
	var failed *store.Error
	for n := 0; ; n++ {
		_, err := io.ReadFull(r, id[:])
		switch {
		case err == nil && n < o.Users:
			if !yield(list.ParseID(id), nil) {
				return false, nil
			}
			continue
		case err == nil: // it holds more, and perhaps without end
			return false, damaged(at, o)
		case errors.As(err, &failed), !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return false, fmt.Errorf("read the ids of a run: %w", err)
		case n != o.Users || hex.EncodeToString(hash.Sum(nil)) != o.SHA256:
			return false, damaged(at, o)
		}
		return true, nil
	}
}

func damaged(at Store, o IDs) error {
	return &store.StateError{URL: at.URL(o.Key), Problem: "it is not what was written; start a run of another name"}
}
