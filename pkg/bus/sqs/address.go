package sqs

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// Queue is the address of a queue.
type Queue struct {
	// URL is the queue's, as SQS gave it.
	URL string
	// Name is its last part; Region that of the host, "" when the host has none.
	Name, Region string
	// FIFO says that the queue keeps an order: its name ends in .fifo.
	FIFO bool
}

var errAddress = errors.New("a queue is given by its URL, https://sqs.<region>.amazonaws.com/<account>/<name>")

// Parse reads a queue's URL. Only its path and its region count: requests go to
// the region's endpoint, or to AWS_ENDPOINT_URL.
func Parse(address string) (Queue, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return Queue{}, errAddress
	}
	parts := regexp.MustCompile(`^/(?:[^/]+/)*([0-9]{12})/([A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)$`).FindStringSubmatch(u.Path)
	if parts == nil {
		return Queue{}, errAddress
	}
	return Queue{URL: address, Name: parts[2], Region: region(u.Hostname()), FIFO: strings.HasSuffix(parts[2], ".fifo")}, nil
}

// region reads the region from a host of SQS: sqs.<region>.amazonaws.com, with
// sqs-fips, a suffix such as .cn or a VPC endpoint's prefix, sqs.<region>.api.aws, and
// the older <region>.queue.amazonaws.com.
func region(host string) string {
	labels := strings.Split(host, ".")
	for i, label := range labels {
		switch {
		case (label == "sqs" || label == "sqs-fips") && i+2 < len(labels):
			return labels[i+1]
		case label == "queue" && i > 0 && i+1 < len(labels) && labels[i+1] == "amazonaws":
			return labels[i-1]
		}
	}
	if host == "queue.amazonaws.com" {
		return "us-east-1"
	}
	return ""
}

func (q Queue) String() string { return "queue " + q.Name }
