package changes

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/pkg/list"
	spilled "github.com/rollcall-dev/rollcall/pkg/spill"
)

// shardVersion is the form of the shards.
const shardVersion = 1

// shardCount is into how many shards the mirror is cut, by the first byte of the id.
const shardCount = spilled.Shards

// key is an id in the form by which users are told apart and sorted.
type key [list.IDSize]byte

func keyOf(id []byte) (k key) {
	list.NewID(id).AppendTo(k[:0])
	return k
}

func (k key) compare(other key) int { return bytes.Compare(k[:], other[:]) }

// shardOf is the shard of a user: the first byte of a GUID. Other ids are scattered.
func shardOf(id []byte) int {
	if len(id) == 36 {
		var b [1]byte
		if _, err := hex.Decode(b[:], id[:2]); err == nil {
			return int(b[0])
		}
	}
	return int(keyOf(id)[0])
}

// record is a user in the mirror.
type record struct {
	key key
	id  []byte
	// deleted says that the user can be restored; object is then the last known one.
	deleted bool
	// object is the user's JSON object, with the columns that have a value.
	object []byte
}

// shard says where a shard is, and what is in it. The zero value is an empty one.
type shard struct {
	Key string `json:"key,omitempty"`
	// Users is how many are there, Deleted how many can be restored.
	Users   int `json:"users,omitempty"`
	Deleted int `json:"deleted,omitempty"`
	// Values is how many of the users have a value, for each column.
	Values []int  `json:"values,omitempty"`
	Size   int    `json:"size,omitempty"` // in bytes, uncompressed
	SHA256 string `json:"sha256,omitempty"`
}

// shardWriter writes records, which come in the order of their keys, into a shard.
type shardWriter struct {
	columns columns
	head    string
	shard   shard
	object  bytes.Buffer
	z       *gzip.Writer
	line    []byte
}

// The lines of a shard start with one of these.
const (
	lineLive    = '+'
	lineDeleted = '-'
)

// newShardWriter begins a shard, whose first line is head. One writer serves several
// shards.
func newShardWriter() *shardWriter {
	w := &shardWriter{}
	w.z, _ = gzip.NewWriterLevel(&w.object, gzip.BestSpeed) // the level is one
	return w
}

func (w *shardWriter) begin(c columns, head string) {
	w.columns, w.head, w.shard = c, head, shard{Values: make([]int, len(c))}
}

func (w *shardWriter) write(line []byte) {
	w.shard.Size += len(line)
	_, _ = w.z.Write(line) // into memory
}

// add adds a record. f are its fields, nil if they have to be read.
func (w *shardWriter) add(r *record, f fields) {
	if w.shard.Size == 0 {
		w.object.Reset()
		w.z.Reset(&w.object)
		w.write([]byte(w.head + "\n"))
	}
	if f == nil {
		f = w.columns.fields(r.object)
	}
	if w.line = append(w.line[:0], lineLive); r.deleted {
		w.line[0] = lineDeleted
		w.shard.Deleted++
	} else {
		w.shard.Users++
		for i := range f {
			if f.valued(i) {
				w.shard.Values[i]++
			}
		}
	}
	w.line = append(append(w.line, r.object...), '\n')
	w.write(w.line)
}

// close returns the shard and its object, or nothing for a shard without users.
func (w *shardWriter) close() (shard, []byte) {
	if w.shard.Size == 0 {
		return shard{Values: w.shard.Values}, nil
	}
	_ = w.z.Close()
	sum := sha256.Sum256(w.object.Bytes())
	w.shard.SHA256 = hex.EncodeToString(sum[:])
	return w.shard, bytes.Clone(w.object.Bytes())
}

// decode reads the object of a shard. The error says what is wrong with it.
func (s *shard) decode(object []byte, what string) ([]record, error) {
	if sum := sha256.Sum256(object); hex.EncodeToString(sum[:]) != s.SHA256 {
		return nil, errors.New("it is not what was written")
	}
	z, err := gzip.NewReader(bytes.NewReader(object))
	if err != nil {
		return nil, err
	}
	text := bytes.NewBuffer(make([]byte, 0, s.Size+bytes.MinRead))
	if _, err := text.ReadFrom(io.LimitReader(z, int64(s.Size)+1)); err != nil || text.Len() != s.Size {
		return nil, errors.Join(errors.New("its size is not what was written"), err)
	}
	head, rest, ok := bytes.Cut(text.Bytes(), []byte("\n"))
	if !ok || string(head) != what {
		return nil, fmt.Errorf("it does not begin with %s", what)
	}
	records := make([]record, 0, s.Users+s.Deleted)
	deleted := 0
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		r, err := parseLine(line)
		if err != nil {
			return nil, err
		}
		if len(records) > 0 && records[len(records)-1].key.compare(r.key) >= 0 {
			return nil, errors.New("its users are not in order")
		}
		if records = append(records, r); r.deleted {
			deleted++
		}
	}
	if deleted != s.Deleted || len(records) != s.Users+s.Deleted {
		return nil, errors.New("it has other users than were written")
	}
	return records, nil
}

func parseLine(line []byte) (record, error) {
	if len(line) == 0 || line[0] != lineLive && line[0] != lineDeleted || !isUser(line[1:]) {
		return record{}, errors.New("a line of it is no user")
	}
	r := record{deleted: line[0] == lineDeleted, object: line[1:]}
	r.id = idOf(r.object)
	r.key = keyOf(r.id)
	return r, nil
}

// isUser reports whether an object is one as columns.appendObject writes them.
func isUser(object []byte) bool {
	return bytes.HasPrefix(object, []byte(`{"id":"`)) && jsontext.Value(object).IsValid(jsontext.AllowDuplicateNames(true))
}

// idOf is the id of an object that columns.appendObject has written.
func idOf(object []byte) []byte {
	quoted := object[len(`{"id":`):]
	end := 1
	for quoted[end] != '"' {
		if quoted[end] == '\\' {
			end++
		}
		end++
	}
	if bytes.IndexByte(quoted[:end], '\\') < 0 {
		return quoted[1:end]
	}
	id, _ := jsontext.AppendUnquote(nil, quoted[:end+1]) // it is valid
	return id
}

// find returns the record with a key, nil if there is none.
func find(records []record, k key) *record {
	i, ok := slices.BinarySearchFunc(records, k, func(r record, k key) int { return r.key.compare(k) })
	if !ok {
		return nil
	}
	return &records[i]
}

// pairs visits the records of two shards by their keys, in order; one of the two is nil
// where only the other has it.
func pairs(before, after []record, visit func(before, after *record) error) error {
	for len(before)+len(after) > 0 {
		var old, now *record
		var order int
		switch {
		case len(before) == 0:
			order = 1
		case len(after) == 0:
			order = -1
		default:
			order = before[0].key.compare(after[0].key)
		}
		if order <= 0 {
			old, before = &before[0], before[1:]
		}
		if order >= 0 {
			now, after = &after[0], after[1:]
		}
		if err := visit(old, now); err != nil {
			return err
		}
	}
	return nil
}
