// Package xlsx writes users as a workbook that Excel and LibreOffice open, by
// excelize's stream writer. It is linked into the command line only: functions that
// run in a cloud publish CSV and Parquet.
//
// The sheet "users" has a header, which stays in sight and filters, and one row a
// user. Values keep what a spreadsheet would otherwise change:
//
//   - texts are texts, whatever they look like: 00123, =1+1, 12345678901234567890.
//     There are no formulas, and an edited cell does not become one either;
//   - instants are dates in UTC, which the number format says. Those from before March
//     1900, where spreadsheets count days differently, and those finer than a
//     millisecond are texts, as Graph wrote them;
//   - booleans are booleans; numbers are numbers if a spreadsheet, which has 15 digits,
//     shows them as Graph wrote them, and texts otherwise;
//   - lists and structures are compact JSON;
//   - characters that XML 1.0 has no room for are written as _x0007_, which spreadsheets
//     read as the character (ECMA-376, ST_Xstring);
//   - null, a missing value and an empty text are empty cells, as in CSV.
//
// A list that does not fit is an error: [MaxUsers] rows, 32,767 UTF-16 units in a
// cell, 4 GiB of XML. The sheet "About" says how many users there are, and whether
// that was verified.
package xlsx
