module github.com/go-dev-frame/sponge

go 1.21
