package consumers_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/consumer"
)

// programs are the consumers of events.
func programs(t *testing.T) []consumer.Program {
	t.Helper()
	all, err := consumer.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// users reads a database.
func users(t *testing.T, database string) (there map[string]any, gone int) {
	t.Helper()
	there, gone, err := consumer.Users(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	return there, gone
}

// history is what happened in two tenants, which have users of the same ids.
type history struct {
	events []string
	users  map[string]any // who is there in the end, by source and id
	gone   int
}

// invent makes up a history. Turns are numbered across a power of ten, where only the fixed
// width keeps numbers in order as texts.
func invent(r *rand.Rand) history {
	h := history{users: map[string]any{}}
	const absent, live, deleted = "absent", "live", "deleted"
	states, met := map[string]string{}, map[string]bool{}
	for turn := 40 + r.IntN(10); len(h.events) < 300; turn += 1 + r.IntN(3) {
		source := fmt.Sprintf("urn:rollcall:tenant:%08x-2222-4333-8444-555555555555", r.IntN(2))
		id := fmt.Sprintf("%08x-0000-4000-8000-000000000000", r.IntN(20))
		who := source + " " + id
		if states[who] == "" {
			states[who] = absent
		}
		choice := map[string][]string{
			absent:  {"created"},
			live:    {"updated", "updated", "deleted", "deleted purged"},
			deleted: {"restored", "restored", "purged"},
		}[states[who]]
		for n, kind := range strings.Fields(choice[r.IntN(len(choice))]) {
			user := map[string]any{"id": id, "displayName": fmt.Sprintf("Ada \u2028 \U0001F600 %d", turn), "department": nil, "manager": map[string]any{"id": id}}
			event := map[string]any{
				"specversion": "1.0", "id": fmt.Sprintf("%d-%d", turn, n), "source": source, "type": "rollcall.user." + kind, "subject": id,
				"time": "2026-11-28T10:00:00Z", "sequence": fmt.Sprintf("%020d", 2*turn+n), "datacontenttype": "application/json", "data": map[string]any{"user": user},
			}
			text, err := json.Marshal(event)
			if err != nil {
				panic(err)
			}
			h.events = append(h.events, string(text))
			met[who] = true
			if kind == "deleted" || kind == "purged" {
				delete(h.users, who)
			} else {
				h.users[who] = user
			}
			states[who] = map[string]string{"created": live, "updated": live, "restored": live, "deleted": deleted, "purged": absent}[kind]
		}
	}
	h.gone = len(met) - len(h.users)
	return h
}

// wrap puts an event into one of the messages in which it may come.
func wrap(r *rand.Rand, event string) string {
	bridge := `{"version":"0","id":"6a7e8feb","detail-type":"a type","source":"a source","account":"123456789012","time":"2026-11-28T10:00:00Z","region":"eu-west-1","resources":[],"detail":` + event + `}`
	inner := []string{event, bridge}[r.IntN(2)]
	text, err := json.Marshal(inner)
	if err != nil {
		panic(err)
	}
	return []string{inner, `{"messageId":"1","receiptHandle":"x","body":` + string(text) + `,"eventSource":"aws:sqs"}`, `{"MessageId":"1","Body":` + string(text) + `}`}[r.IntN(3)]
}

func TestConsumersOfEventsKnowTheTenantsInWhateverOrderAndHoweverOftenEventsCome(t *testing.T) {
	programs := programs(t)
	for seed := range 8 {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), 5))
			h := invent(r)
			var lines []string
			for _, e := range h.events {
				for range 1 + r.IntN(3) {
					lines = append(lines, wrap(r, e))
				}
			}
			r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
			for _, program := range programs {
				database := filepath.Join(t.TempDir(), "users.db")
				for part := range slices.Chunk(lines, 1+len(lines)/3) { // the last state is on the disk
					if out, err := program.Apply(t.Context(), database, part); err != nil {
						t.Fatalf("%s: %v\n%s", program.Language, err, out)
					}
				}
				there, gone := users(t, database)
				if diff := cmp.Diff(asJSON(t, h.users), there); diff != "" {
					t.Errorf("%s: the tenants (-) are not what the table says (+):\n%s", program.Language, diff)
				}
				if gone != h.gone {
					t.Errorf("%s: %d tombstones, want %d", program.Language, gone, h.gone)
				}
			}
		})
	}
}

// asJSON is a value as JSON gives it back.
func asJSON(t *testing.T, value map[string]any) (same map[string]any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &same); err != nil {
		t.Fatal(err)
	}
	return same
}

func TestConsumersOfEventsStopAtWhatTheyDoNotKnowAndKeepWhatTheyHave(t *testing.T) {
	const (
		source = "urn:rollcall:tenant:11111111-2222-4333-8444-555555555555"
		id     = "aaaaaaaa-2222-4333-8444-555555555555"
	)
	event := `{"specversion":"1.0","id":"1","source":"` + source + `","type":"rollcall.user.created","subject":"` + id +
		`","sequence":"00000000000000000012","data":{"user":{"id":"` + id + `","mail":"ada@contoso.example"}}}`
	replaced := func(old, now string) string {
		t.Helper()
		if !strings.Contains(event, old) {
			t.Fatalf("there is no %s", old)
		}
		return strings.Replace(event, old, now, 1)
	}
	cases := map[string][2]string{ // the line, and what is said
		"a newer specversion":                {replaced(`"1.0"`, `"1.1"`), `specversion is "1.1", want 1.0`},
		"a specversion of another kind":      {replaced(`"1.0"`, `1.0`), `specversion is not a string`},
		"no specversion":                     {replaced(`"specversion":"1.0",`, ``), `specversion is not a string`},
		"a type that is not known":           {replaced(`user.created`, `user.renamed`), `type is "rollcall.user.renamed"`},
		"an event of another kind":           {`{"specversion":"1.0","id":"1","source":"` + source + `","type":"rollcall.snapshot.completed"}`, `type is "rollcall.snapshot.completed"`},
		"a name in capitals":                 {replaced(`"type"`, `"Type"`), `type is not a string`},
		"a source of something else":         {replaced(source, "https://example.com"), `source is not urn:rollcall:tenant:`},
		"a subject that is not an id":        {replaced(`"`+id+`"`, `"ada@contoso.example"`), `subject is not the id of a user`},
		"a sequence that is a number":        {replaced(`"00000000000000000012"`, `12`), `sequence is not a string`},
		"a sequence of another width":        {replaced(`00000000000000000012`, `12`), `sequence is not 20 digits`},
		"digits of another script":           {replaced(`00000000000000000012`, `0000000000000000001٢`), `sequence is not 20 digits`},
		"a line break behind the sequence":   {replaced(`00000000000000000012`, `00000000000000000012\n`), `sequence is not 20 digits`},
		"a claim check":                      {event[:strings.Index(event, `,"data"`)] + `,"dataref":"s3://directory/claim"}`, `if there is a dataref`},
		"data that is a text":                {replaced(`{"user":{"id":"`+id+`","mail":"ada@contoso.example"}}`, `"{}"`), `data is not an object with a user`},
		"a user that is null":                {replaced(`{"id":"`+id+`","mail":"ada@contoso.example"}`, `null`), `data is not an object with a user`},
		"the user of somebody else":          {replaced(`{"id":"`+id, `{"id":"bbbbbbbb-2222-4333-8444-555555555555`), `data.user.id is not the subject`},
		"a line that was cut off":            {event[:len(event)-9], `not a JSON object`},
		"a list":                             {`[` + event + `]`, `not a JSON object`},
		"null":                               {`null`, `not a JSON object`},
		"no line":                            {``, `not a JSON object`},
		"bytes that are not UTF-8":           {replaced(`ada@`, "\xff@"), `not a JSON object`},
		"an empty body":                      {`{"body":""}`, `not a JSON object`},
		"a detail that is a text":            {`{"detail":"x"}`, `not a JSON object`},
		"a message of EventBridge's own":     {`{"detail-type":"Scheduled Event","source":"aws.events","detail":{}}`, `specversion is not a string`},
		"an abyss of brackets":               {strings.Repeat("[", 200_000), `not a JSON object`},
		"a line longer than what is read":    {`{"pad":"` + strings.Repeat("x", 4<<20) + `"}`, `longer than 4194304 bytes`},
		"a message within a message, thrice": {`{"body":"{\"body\":\"{}\"}"}`, `specversion is not a string`},
	}
	for _, program := range programs(t) {
		for name, c := range cases {
			t.Run(program.Language+": "+name, func(t *testing.T) {
				database := filepath.Join(t.TempDir(), "users.db")
				out, err := program.Apply(t.Context(), database, []string{event, c[0], replaced("00012", "00013")})
				if err == nil || !strings.HasPrefix(out, "stopped: line 2: ") || !strings.Contains(out, c[1]) {
					t.Errorf("%v, %q, want line 2 and %q", err, out, c[1])
				}
				if strings.Contains(out, "contoso") || strings.Count(out, "\n") != 1 {
					t.Errorf("it says too much: %q", out)
				}
				if there, _ := users(t, database); len(there) != 1 {
					t.Errorf("%v, want the user of the first line", there)
				}
			})
		}
	}
}
