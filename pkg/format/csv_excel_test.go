package format

import (
	"bytes"
	"testing"
)

func TestFormulasAreNeutralisedOnlyWhenAsked(t *testing.T) {
	users := []string{`{"id":"1","n":"=cmd|' /C calc'!A0"}`, `{"id":"2","n":"+1"}`, `{"id":"3","n":"-2"}`, `{"id":"4","n":"@SUM(1)"}`, `{"id":"5","n":"\tx"}`, `{"id":"6","n":"\rx"}`, `{"id":"7","n":"a=b"}`, `{"id":"8","n":null}`, `{"id":"9","n":"'x"}`}
	for neutral, want := range map[bool]string{
		false: "id,n\n1,=cmd|' /C calc'!A0\n2,+1\n3,-2\n4,@SUM(1)\n5,\"\tx\"\n6,\"\rx\"\n7,a=b\n8,\n9,'x\n",
		true:  "id,n\n1,'=cmd|' /C calc'!A0\n2,'+1\n3,'-2\n4,'@SUM(1)\n5,'\tx\n6,\"'\rx\"\n7,a=b\n8,\n9,'x\n",
	} {
		var b bytes.Buffer
		c := NewCSV(&b, []string{"id", "n"})
		if neutral {
			c.NeutraliseFormulas()
		}
		for _, u := range users {
			if err := c.User([]byte(u)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Complete(); err != nil || b.String() != want {
			t.Errorf("neutral %t: %v\n got %q\nwant %q", neutral, err, b.String(), want)
		}
	}
}
