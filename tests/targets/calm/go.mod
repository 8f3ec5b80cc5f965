module calm

go 1.26
