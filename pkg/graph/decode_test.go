package graph

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestIDMemberFindsTheIDWhereverItStands(t *testing.T) {
	for object, want := range map[string]string{
		`{"id":"a"}`:          `"a"`,
		`{"x":null,"id":"a"}`: `"a"`,
		`{"x":{"id":"no"},"y":["id",{"id":1}],"id":"a"}`: `"a"`,
		`{"x":"\"id\":\"no\"","id":"a"}`:                 `"a"`,
		`{"x":"\\","id":"a"}`:                            `"a"`,
		`{"x":"}]","id":"a","z":1}`:                      `"a"`,
		"{ \"x\" : [ ] ,\n\t\"id\" : \"a\" }":            `"a"`,
		`{"x":-1.5e3,"id":7}`:                            `7`,
		`{"ID":"a"}`:                                     ``,
		`{"x":{"id":"no"}}`:                              ``,
		`{}`:                                             ``,
		`{ }`:                                            ``,
	} {
		if got := idMember([]byte(object)); string(got) != want {
			t.Errorf("idMember(%s) = %s, want %s", object, got, want)
		}
	}
}

func FuzzIDMemberAgreesWithAFullDecoder(f *testing.F) {
	f.Add([]byte(`{"id":"a","x":[1,{"id":2}],"y":"\\\""}`))
	f.Add([]byte(`{"x":"\\","id" : {"a":"}"} }`))
	f.Fuzz(func(t *testing.T, object []byte) {
		object = bytes.TrimSpace(object)
		var full map[string]json.RawMessage
		if json.Unmarshal(object, &full) != nil || full == nil || bytes.Count(object, []byte(`id`)) > 1 || bytes.Contains(object, []byte(`\u`)) {
			return
		}
		if got := idMember(object); !bytes.Equal(got, full["id"]) {
			t.Errorf("idMember(%s) = %s, want %s", object, got, full["id"])
		}
	})
}

func BenchmarkIDMember(b *testing.B) {
	object := []byte(`{"userPrincipalName":"anna.maria@contoso.example","displayName":"Anna Maria","givenName":"Anna","surname":"Maria","mail":null,"department":"Sales","companyName":"Contoso","accountEnabled":true,"createdDateTime":"2021-03-04T05:06:07Z","id":"6e7b768e-07e2-4810-8459-485f84f8f204"}`)
	b.SetBytes(int64(len(object)))
	for b.Loop() {
		if idMember(object) == nil {
			b.Fatal("not found")
		}
	}
}
