package azurite

import (
	"bytes"
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Message is what is in a queue.
type Message struct {
	// Text is as it was sent, in base64 or not.
	Text string `xml:"MessageText"`
	// Inserted, Expires and NextVisible are HTTP dates: when it came, when it is lost, and
	// when the lease of the receiver ends.
	Inserted    string `xml:"InsertionTime"`
	Expires     string `xml:"ExpirationTime"`
	NextVisible string `xml:"TimeNextVisible"`
	ID          string `xml:"MessageId"`
	// Receipt is what the receiver deletes or extends it with.
	Receipt string `xml:"PopReceipt"`
	// DequeueCount is how often it was received, this time included.
	DequeueCount int `xml:"DequeueCount"`
}

// CreateQueue makes a queue of the account. One that exists is left as it is.
func (q *Queues) CreateQueue(ctx context.Context, name string) error {
	_, _, err := q.do(ctx, http.MethodPut, name, nil, http.StatusCreated, http.StatusNoContent)
	return err
}

// Len is how many messages a queue has, those included that are hidden.
func (q *Queues) Len(ctx context.Context, name string) (int, error) {
	head, _, err := q.do(ctx, http.MethodGet, name+"?comp=metadata", nil, http.StatusOK)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(head.Get("X-Ms-Approximate-Messages-Count"))
}

// Send puts a message into a queue, as it is.
func (q *Queues) Send(ctx context.Context, name, text string) error {
	body := bytes.NewBufferString("<QueueMessage><MessageText>")
	if err := xml.EscapeText(body, []byte(text)); err != nil {
		return err
	}
	body.WriteString("</MessageText></QueueMessage>")
	_, _, err := q.do(ctx, http.MethodPost, name+"/messages", body.Bytes(), http.StatusCreated)
	return err
}

// Lease returns up to 32 messages, which no other receiver sees within the given time, in
// whole seconds.
func (q *Queues) Lease(ctx context.Context, name string, most int, within time.Duration) ([]Message, error) {
	return q.list(ctx, name, url.Values{"numofmessages": {strconv.Itoa(most)}, "visibilitytimeout": {seconds(within)}})
}

// Peek returns up to 32 messages that are visible, and changes nothing about them.
func (q *Queues) Peek(ctx context.Context, name string) ([]Message, error) {
	return q.list(ctx, name, url.Values{"numofmessages": {"32"}, "peekonly": {"true"}})
}

func (q *Queues) list(ctx context.Context, name string, query url.Values) ([]Message, error) {
	_, answer, err := q.do(ctx, http.MethodGet, name+"/messages?"+query.Encode(), nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	var list struct {
		Messages []Message `xml:"QueueMessage"`
	}
	err = xml.Unmarshal(bytes.TrimPrefix(answer, []byte("\ufeff")), &list)
	return list.Messages, err
}

// Extend hides a message that was received for the given time from now on, and returns it
// with its new receipt. With 0 it can be received at once.
func (q *Queues) Extend(ctx context.Context, name string, m Message, hidden time.Duration) (Message, error) {
	query := url.Values{"popreceipt": {m.Receipt}, "visibilitytimeout": {seconds(hidden)}}
	head, _, err := q.do(ctx, http.MethodPut, name+"/messages/"+m.ID+"?"+query.Encode(), nil, http.StatusNoContent)
	if err != nil {
		return m, err
	}
	m.Receipt, m.NextVisible = head.Get("X-Ms-Popreceipt"), head.Get("X-Ms-Time-Next-Visible")
	return m, nil
}

// Delete removes a message that was received.
func (q *Queues) Delete(ctx context.Context, name string, m Message) error {
	query := url.Values{"popreceipt": {m.Receipt}}
	_, _, err := q.do(ctx, http.MethodDelete, name+"/messages/"+m.ID+"?"+query.Encode(), nil, http.StatusNoContent)
	return err
}

// Receive returns messages that are there, and removes them.
func (q *Queues) Receive(ctx context.Context, name string) ([]Message, error) {
	messages, err := q.Lease(ctx, name, 32, 30*time.Second)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		if err := q.Delete(ctx, name, m); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }
