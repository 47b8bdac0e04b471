package sqs_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus/awsbus"
	"github.com/rollcall-dev/rollcall/pkg/bus/sqs"
)

// FuzzQueue has URLs of queues. What is taken reads the same another time, and its region
// is one that its host names.
func FuzzQueue(f *testing.F) {
	for _, text := range []string{
		standard, fifo, "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", "https://queue.amazonaws.com/123456789012/q", "https://eu-west-1.queue.amazonaws.com/123456789012/q",
		"http://localhost:4566/123456789012/q", "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com/123456789012/q", "https://sqs.evil.example.com/123456789012/q", "https://sqs..amazonaws.com/123456789012/q",
		"https://user:canarycanarycanary@sqs.eu-west-1.amazonaws.com/123456789012/q", standard + "?x=canarycanarycanary", "https://sqs.\u0130.amazonaws.com/123456789012/q", "https://h/123456789012/q%0a",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := sqs.Parse(text)
		if err != nil {
			if strings.Contains(err.Error(), "canary") {
				t.Fatal(err)
			}
			return
		}
		again, err := sqs.Parse(c.URL)
		u, broken := url.Parse(c.URL)
		if err != nil || again != c || broken != nil || !strings.HasSuffix(u.Path, "/"+c.Name) || c.FIFO != strings.HasSuffix(c.Name, ".fifo") {
			t.Fatalf("%q is %+v, then %+v, %v", text, c, again, err)
		}
		if c.Region != "" && (!awsbus.IsRegion(c.Region) || !strings.Contains(u.Hostname(), c.Region) && u.Hostname() != "queue.amazonaws.com") {
			t.Fatalf("%q is in region %q", text, c.Region)
		}
	})
}
