struct pool {
	int size;
	char used[64];
};

int pool_get(struct pool *p);
void pool_put(struct pool *p, int slot);
int pool_count(void);
