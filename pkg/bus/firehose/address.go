package firehose

import (
	"errors"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Stream is the address of a Firehose stream.
type Stream struct {
	// Name is the stream's.
	Name string
	// Region is the ARN's, "" for a name.
	Region string
}

// Parse reads a stream's name or its ARN
// (arn:aws:firehose:<region>:<account>:deliverystream/<name>). Firehose takes records
// by name only, so the account must be the caller's.
func Parse(address string) (Stream, error) {
	names := regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
	if names.MatchString(address) {
		return Stream{Name: address}, nil
	}
	a, err := arn.Parse(address)
	if err != nil {
		return Stream{}, errors.New("a Firehose stream is given by its name (letters, digits, . - _) or its ARN")
	}
	name, found := strings.CutPrefix(a.Resource, "deliverystream/")
	if a.Service != "firehose" || !found || !names.MatchString(name) || a.Region == "" || a.AccountID == "" {
		return Stream{}, errors.New("the ARN is not of a Firehose stream, which is arn:aws:firehose:<region>:<account>:deliverystream/<name>")
	}
	return Stream{Name: name, Region: a.Region}, nil
}

func (s Stream) String() string { return "stream " + s.Name }
