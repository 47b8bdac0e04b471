package sink_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/sink"
)

// longWords are the parts of a text that are long enough to be secrets.
func longWords(text string) []string {
	var words []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("/?#&=:@; \t\n", r) }) {
		if len(word) > 20 {
			words = append(words, word)
		}
	}
	return words
}

// known are the texts that errors about sinks consist of: what they quote is something else.
func wantUnquoted(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil {
		return
	}
	for _, word := range longWords(text) {
		if strings.Contains(err.Error(), word) && !strings.Contains("AZURE_STORAGE_CONNECTION_STRING", word) {
			t.Fatalf("%v quotes %q", err, word)
		}
	}
}

// FuzzSinks has URLs that anybody may have written or pasted. A store whose URL is taken is
// where that says, and its own URL reads the same.
func FuzzSinks(f *testing.F) {
	for _, text := range []string{
		"s3://bucket/a/b/?format=parquet&compression=none", "S3://bucket/a?kms-key=alias/x&region=eu-central-1&retention=tags", "azblob://account/container/a/b?part-size=8MiB",
		"azblob://account/$root?endpoint=http://127.0.0.1:10000/account", "file:///a%20folder/b?format=csv", "file:///a//b/./x/../c/", "eventbridge://bus?users=each",
		"sns:arn:aws:sns:eu-west-1:123456789012:topic", "sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/q?users=each", "kinesis://stream?max-bytes=5000000",
		"firehose://arn:aws:firehose:eu-west-3:123456789012:deliverystream/people", "https://host/path?token=x#users=each&batch=50&private=allow",
		"eventgrid://people.westeurope-1.eventgrid.azure.net?users=each&endpoint=http://127.0.0.1:1/x", "azqueue://account/people?encoding=text&ttl=168h", "azqueue://account/people?ttl=never&endpoint=https://user:password@host",
		"s3://AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY@bucket/x", "s3://bucket?wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY", "s3://bucket?region=evil.example/",
		"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Zm9vYmFyYmF6Zm9vYmFyYmF6;EndpointSuffix=core.windows.net", "azblob://Zm9vYmFyYmF6Zm9vYmFyYmF6/c",
		"azblob://a/c?endpoint=http://host#x", "azblob://a/c?endpoint=http://host?", "file:///a?part-size=9223372036854775807MiB", "file:///%00", "file:///..", "s3://b/%2e%2e/", "s3://b?format=csv&format=csv", "https://user:password@host/", "\x00:", "::",
	} {
		f.Add(text)
	}
	f.Setenv("AWS_REGION", "eu-west-1")
	f.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	access := &sink.Access{
		LookupEnv: func(name string) (string, bool) { return "Zm9v", name == "AZURE_STORAGE_KEY" },
		Azure:     func() (azcore.TokenCredential, error) { return &bustest.Credential{}, nil },
	}
	f.Fuzz(func(t *testing.T, text string) {
		var all sink.Sinks
		err := all.UnmarshalText([]byte(text))
		wantUnquoted(t, err, text)
		for _, s := range all.Stores {
			var same sink.Sinks
			if err := same.UnmarshalText([]byte(s.String())); strings.ContainsAny(s.String(), " \t\r\n\v\f\u0085\u00a0") || err != nil {
				var state sink.Store // white space separates sinks, but not the words of one
				if err := state.UnmarshalText([]byte(s.String())); err != nil || state.String() != s.String() {
					t.Fatalf("%q is %s: %v", text, s, err)
				}
			} else if len(same.Stores) != 1 || same.Stores[0].String() != s.String() || same.Stores[0].Kind != s.Kind {
				t.Fatalf("%q is %s, and that is %v", text, s, same.Stores)
			}
			opened, err := s.Open(t.Context(), access, "below")
			wantUnquoted(t, err, text)
			if err != nil {
				continue
			}
			at := opened.URL("key")
			if s.Kind == "azblob" {
				u, err := url.Parse(at)
				if _, place, _ := strings.Cut(s.String(), "//"); err != nil || !strings.HasSuffix(u.Path, "/"+place[strings.Index(place, "/")+1:]+"/below/key") {
					t.Fatalf("%q is %s and opens %s", text, s, at)
				}
			} else if at != strings.TrimSuffix(s.String(), "/")+"/below/key" {
				t.Fatalf("%q is %s and opens %s", text, s, at)
			}
		}
		for _, b := range all.Buses {
			if b.Kind == "azqueue" || b.Kind == "eventgrid" {
				_, err := b.Open(t.Context(), access)
				wantUnquoted(t, err, text)
			}
			for _, word := range longWords(b.String()) {
				if b.Kind == "https" && !strings.Contains(strings.ToLower(text), word) {
					t.Fatalf("%q is %s", text, b)
				}
			}
		}
	})
}

// FuzzObject has addresses of the tenants file.
func FuzzObject(f *testing.F) {
	for _, text := range []string{"s3://bucket/a/tenants.json", "file:///a%20b/tenants.json", "azblob://a/c/t.json", "s3://bucket", "s3://bucket/", "file:///x?y=z/w", "file:///..", "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var o sink.Object
		err := o.UnmarshalText([]byte(text))
		wantUnquoted(t, err, text)
		if err == nil && (o.Key == "" || !strings.HasSuffix(text, "/"+o.Key) || strings.ContainsAny(o.Key, "/?#%")) {
			t.Fatalf("%q is %s and %q", text, o.Store, o.Key)
		}
	})
}
