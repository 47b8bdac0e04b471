package diagnosis

import "net/http"

// MaxAnswer is how many bytes of an answer are read that SDKs keep whole. The longest
// ones, to batches of 500 messages, have some hundred KiB.
const MaxAnswer = 4 << 20

// Client makes an HTTP exchange. The SDKs of AWS and of Azure both take one.
type Client interface {
	Do(r *http.Request) (*http.Response, error)
}

// Bounded returns a client whose answers end with an error once they are too long, as
// the SDKs keep them whole. What a GET has found is not bounded: that is an object,
// which is read as a stream.
func Bounded(next Client) Client { return bounded{next} }

type bounded struct{ next Client }

func (b bounded) Do(r *http.Request) (*http.Response, error) {
	response, err := b.next.Do(r)
	if err != nil || r.Method == http.MethodGet && response.StatusCode < http.StatusMultipleChoices {
		return response, err
	}
	response.Body = http.MaxBytesReader(nil, response.Body, MaxAnswer)
	return response, nil
}
