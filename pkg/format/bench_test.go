package format_test

import (
	"io"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/format"
)

// typical is a user of the default selection, about 480 bytes.
func typical() ([]string, []byte) {
	return []string{
		"id", "userPrincipalName", "displayName", "givenName", "surname", "mail", "jobTitle", "department",
		"companyName", "employeeId", "employeeType", "accountEnabled", "userType", "createdDateTime", "onPremisesSyncEnabled",
	}, []byte(`{"id":"6e7b768e-07e2-4810-8459-485f84f8f204","userPrincipalName":"zoe.mueller@contoso.example",` +
		`"displayName":"Zoë Müller","givenName":"Zoë","surname":"Müller","mail":"zoe.mueller@contoso.example",` +
		`"jobTitle":"Senior Engineer","department":"Research, Berlin","companyName":"Contoso","employeeId":"100234",` +
		`"employeeType":"Employee","accountEnabled":true,"userType":"Member","createdDateTime":"2019-03-04T05:06:07Z",` +
		`"onPremisesSyncEnabled":null}`)
}

func TestNoFormatAllocatesPerUser(t *testing.T) {
	columns, raw := typical()
	for name, w := range map[string]writer{
		"ndjson": format.NewNDJSON(io.Discard), "json": format.NewJSON(io.Discard), "csv": csvStream{format.NewCSV(io.Discard, columns)},
	} {
		allocs := testing.AllocsPerRun(1000, func() {
			if err := w.User(raw); err != nil {
				t.Error(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a user", name, allocs)
		}
	}
}

func BenchmarkUser(b *testing.B) {
	columns, raw := typical()
	for _, c := range []struct {
		name string
		w    writer
	}{
		{"ndjson", format.NewNDJSON(io.Discard)},
		{"json", format.NewJSON(io.Discard)},
		{"csv", csvStream{format.NewCSV(io.Discard, columns)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if err := c.w.User(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
