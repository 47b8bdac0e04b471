package graph

// User is one user as Graph sent it. Both slices point into the page's read
// buffer and are valid only until the iteration moves on: copy what is kept.
type User struct {
	// ID is the user's object id, unescaped, as bytes of text (a GUID for every
	// user an Entra directory holds).
	ID []byte
	// Raw is the user's JSON object exactly as Graph sent it, on one line.
	Raw []byte
}
