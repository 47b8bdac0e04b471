package s3_test

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/pkg/store/s3"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// rawTransport answers every request alike.
type rawTransport []byte

func (raw rawTransport) Do(r *http.Request) (*http.Response, error) {
	return http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), r)
}

// FuzzAnswer has answers of a service that lies about lengths, tags and checksums.
func FuzzAnswer(f *testing.F) {
	storetest.AddAnswers(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := s3.New(aws.Config{
			Region: "eu-west-1", HTTPClient: rawTransport(raw), Credentials: credentials.NewStaticCredentialsProvider("id", storetest.Secret, ""),
			Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		}, s3.Config{Bucket: "people"})
		if err != nil {
			t.Fatal(err)
		}
		storetest.CheckAnswer(t, s, raw)
	})
}
