package client

import "time"

// Row is a user as a program with a struct for it has them. Null stays null.
type Row struct {
	ID                    *string    `json:"id"`
	UserPrincipalName     *string    `json:"userPrincipalName"`
	DisplayName           *string    `json:"displayName"`
	GivenName             *string    `json:"givenName"`
	Surname               *string    `json:"surname"`
	Mail                  *string    `json:"mail"`
	JobTitle              *string    `json:"jobTitle"`
	Department            *string    `json:"department"`
	CompanyName           *string    `json:"companyName"`
	EmployeeID            *string    `json:"employeeId"`
	EmployeeType          *string    `json:"employeeType"`
	AccountEnabled        *bool      `json:"accountEnabled"`
	UserType              *string    `json:"userType"`
	CreatedDateTime       *time.Time `json:"createdDateTime"`
	OnPremisesSyncEnabled *bool      `json:"onPremisesSyncEnabled"`
}
