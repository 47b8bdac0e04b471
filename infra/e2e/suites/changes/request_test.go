package changes_test

import (
	"bytes"
	"net/http"
)

// post posts JSON to the front.
func (d *deployment) post(path string, body []byte, header http.Header) (status int, err error) {
	request, err := http.NewRequestWithContext(d.Context(), http.MethodPost, d.front.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	response, err := d.client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
