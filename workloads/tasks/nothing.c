/* What tasks(1) becomes in its mode exec: a program that ends at once. */
int main(void)
{
	return 0;
}
