from app.main import answer

print(answer())
