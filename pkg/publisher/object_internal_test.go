package publisher

import (
	"strings"
	"testing"
)

func TestAManifestIsFoundByEveryAddressOfIt(t *testing.T) {
	const (
		guid   = "7c0de5e1-1a57-4ace-8c0b-0123456789ab"
		run    = "runs/tenant=" + guid + "/run=r/manifest.json"
		latest = "latest/tenant=" + guid + ".json"
	)
	for address, want := range map[string]string{
		"s3://bucket/some/where/" + run:                                         "s3://bucket/some/where " + run,
		"s3://bucket/" + latest + "?region=eu-west-1":                           "s3://bucket " + latest,
		"s3://bucket/copied/manifest.json":                                      "s3://bucket/copied manifest.json",
		"azblob://account/people/x/" + run + "?endpoint=http://127.0.0.1:10000": "azblob://account/people/x " + run,
		"https://account.blob.core.windows.net/people/x/" + run:                 "azblob://account/people/x " + run,
		"https://account.blob.core.usgovcloudapi.net/people/" + run:             "azblob://account/people " + run,
		"file:///tmp/out/" + latest:                                             "file:///tmp/out " + latest,
		"file:///tmp/a%20b/manifest.json":                                       "file:///tmp/a%20b manifest.json",
	} {
		where, key, err := locate(address, "")
		if err != nil || where.String()+" "+key != want {
			t.Errorf("%s: %s %s, %v; want %s", address, where, key, err, want)
		}
	}
	if where, key, err := locate("s3://bucket/directory?region=eu-west-1", guid); err != nil || where.String() != "s3://bucket/directory" || key != latest {
		t.Errorf("a sink: %s %s, %v", where, key, err)
	}
}

// TestNobodyElsesHostGetsAToken has hosts that only look like those of storage accounts.
func TestNobodyElsesHostGetsAToken(t *testing.T) {
	for _, host := range []string{
		"evil.example", "account.blob.core.windows.net.evil.example", "account.blob.core.windows.net:8443", "a.b.blob.core.windows.net", ".blob.core.windows.net",
		"user@account.blob.core.windows.net", "evil.example/x.blob.core.windows.net",
	} {
		if where, key, err := locate("https://"+host+"/people/manifest.json", ""); err == nil {
			t.Errorf("%s: %s %s", host, where, key)
		} else if strings.Contains(err.Error(), "user") {
			t.Errorf("%s: %v", host, err)
		}
	}
}
