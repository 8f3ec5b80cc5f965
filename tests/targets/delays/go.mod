module delays

go 1.21
