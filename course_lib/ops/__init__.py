"""Operations on pictures, points and boxes that several tasks share; each has its file or folder."""
