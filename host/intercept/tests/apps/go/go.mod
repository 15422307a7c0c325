module intercept

go 1.21
