package roll

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// idsObject is an object in the state store that holds ids: for each the two
// halves of its key, big-endian, 16 bytes in all, in no order.
type idsObject struct {
	Key    string `json:"key"`
	Users  int    `json:"users"`
	SHA256 string `json:"sha256"`
}

// idsBlock is the size in bytes at which ids are stored, 65,536 of them. A whole
// block is one small object, which costs less memory than an upload.
const idsBlock = 1 << 20

// idsWriter stores the ids of one slice, block after block.
type idsWriter struct {
	at    Store
	name  string // of the objects, up to their number
	block []byte
	done  []idsObject
}

func (w *idsWriter) add(ctx context.Context, k key) error {
	if w.block == nil {
		w.block = make([]byte, 0, idsBlock)
	}
	w.block = binary.BigEndian.AppendUint64(w.block, k.hash)
	w.block = binary.BigEndian.AppendUint64(w.block, k.rest&^mark)
	if len(w.block) < idsBlock {
		return nil
	}
	return w.end(ctx)
}

// end stores what is left.
func (w *idsWriter) end(ctx context.Context) error {
	if len(w.block) == 0 {
		return nil
	}
	sum := sha256.Sum256(w.block)
	o := idsObject{Key: fmt.Sprintf("%s-%d", w.name, len(w.done)+1), Users: len(w.block) / 16, SHA256: hex.EncodeToString(sum[:])}
	// Named before it is stored: an object whose reply was lost is litter, too.
	w.done = append(w.done, o)
	err := store.Update(ctx, w.at, o.Key, func([]byte) ([]byte, error) { return w.block, nil })
	w.block = w.block[:0]
	return err
}

// readIDs calls see with every id of the objects. An object that is not what was
// written is an error.
func (s *Snapshot) readIDs(ctx context.Context, objects []idsObject, see func(key)) error {
	for _, o := range objects {
		if err := s.readIDsObject(ctx, o, see); err != nil {
			return err
		}
	}
	return nil
}

func (s *Snapshot) readIDsObject(ctx context.Context, o idsObject, see func(key)) error {
	body, err := s.State.Open(ctx, o.Key)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	h := sha256.New()
	r := bufio.NewReaderSize(io.TeeReader(body, h), 64<<10)
	var b [16]byte
	var failed *store.Error
	for n := 0; ; n++ {
		_, err := io.ReadFull(r, b[:])
		switch {
		case err == nil:
			see(key{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])})
			continue
		case errors.As(err, &failed), !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("read the ids of a run: %w", err)
		case n != o.Users || hex.EncodeToString(h.Sum(nil)) != o.SHA256:
			return &StateError{URL: s.State.URL(o.Key), Problem: "it is not what was written; start a run of another name"}
		}
		return nil
	}
}

// known is what is kept of the last published list of one filter: the measure
// of the breaker.
type known struct {
	Version   int         `json:"version"`
	Run       string      `json:"run"`
	StartedAt time.Time   `json:"startedAt"`
	Users     int         `json:"users"`
	IDs       []idsObject `json:"ids"`
	Populated []string    `json:"populated"`
}

// knownKey differs by filter: lists of different filters are not compared.
func (s *Snapshot) knownKey() string {
	sum := sha256.Sum256([]byte(s.Request.Filter))
	return "tenant=" + s.Tenant + "/known/" + hex.EncodeToString(sum[:8]) + ".json"
}

// known returns what is known, nil if there is nothing yet.
func (s *Snapshot) known(ctx context.Context) (*known, error) {
	body, _, err := s.State.Read(ctx, s.knownKey())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.parseKnown(body)
}

func (s *Snapshot) parseKnown(body []byte) (*known, error) {
	var k known
	if err := json.Unmarshal(body, &k); err != nil || k.Version != stateVersion {
		return nil, &StateError{URL: s.State.URL(s.knownKey()), Problem: "it was not written by this version of rollcall; delete it and the next run is compared with nothing", Err: err}
	}
	return &k, nil
}

// remember makes this run the measure of the next one, unless a newer one is, and
// drops the ids of the one before. It comes last: only what was published and
// announced is known.
func (r *run) remember(ctx context.Context) error {
	mine := known{
		Version: stateVersion, Run: r.state.Run, StartedAt: r.state.StartedAt, Users: r.state.Report.Users,
		IDs: r.state.IDs, Populated: r.state.Populated,
	}
	body, err := json.Marshal(mine)
	if err != nil {
		return err
	}
	var before *known
	err = store.Update(ctx, r.State, r.knownKey(), func(old []byte) ([]byte, error) {
		before = nil
		if old == nil {
			return body, nil
		}
		last, err := r.parseKnown(old)
		if err != nil {
			return nil, err
		}
		if !newer(mine.StartedAt, mine.Run, last.StartedAt, last.Run) || bytes.Equal(old, body) {
			return nil, nil
		}
		before = last
		return body, nil
	})
	if err != nil || before == nil {
		return err
	}
	for _, o := range before.IDs {
		r.doomed = append(r.doomed, doomed{r.State, o.Key})
	}
	return nil
}

// newer reports whether the run a is newer than b. The names decide between runs
// that began at the same instant.
func newer(startedA time.Time, a string, startedB time.Time, b string) bool {
	if startedA.Equal(startedB) {
		return a > b
	}
	return startedA.After(startedB)
}
