/* A library that has nothing of a driver but the name that the test gives it. */

int answer(void)
{
    return 42;
}
