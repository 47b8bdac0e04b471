package people

// company is where the people work, and where its guests come from.
type company struct {
	departments  [14]department
	offices      [12]office
	firms        [4]string
	guestDomains [6]string
}

// department is a part of the company with the jobs that exist in it.
type department struct {
	name   string
	titles [4]string
}

// office is a place where people of the company work. The state is empty where a
// country has none in its addresses.
type office struct {
	name, street, postalCode, city, state, country, code, phone string
}

func contoso() company {
	return company{
		departments: [...]department{
			{"Engineering", [4]string{"Software Engineer", "Senior Software Engineer", "Engineering Manager", "Site Reliability Engineer"}},
			{"Sales", [4]string{"Account Executive", "Sales Manager", "Sales Engineer", "Account Manager"}},
			{"Marketing", [4]string{"Marketing Specialist", "Brand Manager", "Content Editor", "Campaign Manager"}},
			{"Finance", [4]string{"Accountant", "Financial Analyst", "Controller", "Payroll Specialist"}},
			{"Human Resources", [4]string{"HR Business Partner", "Recruiter", "HR Assistant", "Learning Manager"}},
			{"Legal", [4]string{"Counsel", "Paralegal", "Compliance Officer", "Contract Manager"}},
			{"IT", [4]string{"System Administrator", "Service Desk Agent", "Network Engineer", "IT Manager"}},
			{"Operations", [4]string{"Operations Manager", "Shift Lead", "Planner", "Process Engineer"}},
			{"Customer Service", [4]string{"Support Agent", "Support Lead", "Customer Success Manager", "Quality Analyst"}},
			{"Research & Development", [4]string{"Researcher", "Lab Technician", "Principal Scientist", "Patent Analyst"}},
			{"Procurement", [4]string{"Buyer", "Category Manager", "Supplier Analyst", "Procurement Lead"}},
			{"Logistics", [4]string{"Warehouse Clerk", "Dispatcher", "Fleet Manager", "Customs Specialist"}},
			{"Quality, Health & Safety", [4]string{"Safety Officer", "Auditor", "Quality Engineer", "Trainer"}},
			{"Facilities", [4]string{"Receptionist", "Facility Manager", "Electrician", "Security Guard"}},
		},
		offices: [...]office{
			{"LON/4", "12 Cable Street", "E1 8JG", "London", "", "United Kingdom", "GB", "+44 20 7946 "},
			{"DUB/2", "7 Sir John Rogerson's Quay", "D02 R296", "Dublin", "", "Ireland", "IE", "+353 1 555 "},
			{"MAD/1", "Calle de Alcalá 45", "28014", "Madrid", "Madrid", "Spain", "ES", "+34 910 55 "},
			{"SAO/9", "Avenida Paulista 1000", "01310-100", "São Paulo", "SP", "Brazil", "BR", "+55 11 5555 "},
			{"PAR/3", "18 rue de l'Église", "75015", "Paris", "Île-de-France", "France", "FR", "+33 1 99 00 "},
			{"MUC/5", "Straße der Träume 3", "80331", "München", "Bayern", "Germany", "DE", "+49 89 5550 "},
			{"STO/1", "Sveavägen 44", "111 34", "Stockholm", "", "Sweden", "SE", "+46 8 555 "},
			{"WAW/6", "ul. Świętokrzyska 20", "00-002", "Warszawa", "Mazowieckie", "Poland", "PL", "+48 22 555 "},
			{"CAI/2", "26 شارع طلعت حرب", "11511", "القاهرة", "", "Egypt", "EG", "+20 2 5550 "},
			{"BLR/8", "100 Feet Road, Indiranagar", "560038", "Bengaluru", "Karnataka", "India", "IN", "+91 80 5555 "},
			{"TYO/7", "千代田区丸の内1-1", "100-0005", "東京", "", "Japan", "JP", "+81 3 5555 "},
			{"NYC/11", "350 Fifth Avenue", "10118", "New York", "NY", "United States", "US", "+1 212 555 "},
		},
		firms:        [...]string{"Contoso Ltd", "Contoso Ltd", "Contoso Logistics GmbH", "Contoso Research, Inc."},
		guestDomains: [...]string{"fabrikam.example", "northwind.example", "tailspin.example", "litware.example", "adatum.example", "proseware.example"},
	}
}
