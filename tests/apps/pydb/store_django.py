"""Django's ORM over psycopg, with its settings in code."""

import config
from django.conf import settings

OPTIONS = {"sslmode": config.POSTGRES_SSLMODE, "pool": {"min_size": config.POOL_SIZE, "max_size": config.POOL_SIZE}}
if config.TLS == "verify":
    OPTIONS["sslrootcert"] = config.CA or "system"

settings.configure(
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": config.HOST,
            "PORT": config.PORT,
            "USER": config.USER,
            "PASSWORD": config.PASSWORD,
            "NAME": config.NAME,
            "OPTIONS": OPTIONS,
        }
    },
)

import django  # noqa: E402

django.setup()

from django.db import IntegrityError, connection, models, transaction  # noqa: E402


class Order(models.Model):
    customer = models.TextField()
    item = models.TextField()
    quantity = models.IntegerField()
    price = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        app_label = "orders"
        db_table = "orders"

    def row(self):
        return self.id, self.customer, self.item, self.quantity, self.price

    @classmethod
    def of(cls, row):
        return cls(**dict(zip(("customer", "item", "quantity", "price"), row)))


class Undone(Exception):
    """Leaves an atomic block, which rolls it back."""


class Store:
    def setup(self):
        with connection.cursor() as cursor:
            cursor.execute(config.POSTGRES_TABLE)

    def create(self, row):
        order = Order.of(row)
        order.save()
        return order.row()

    def load(self, order_id):
        order = Order.objects.filter(id=order_id).first()
        return order and order.row()

    def list(self, customer, other):
        orders = Order.objects.filter(customer=customer).order_by("id")
        return [order.row() for order in (orders.filter(quantity__lt=1000) if other else orders)]

    def batch(self, customer, rows):
        with transaction.atomic():
            Order.objects.bulk_create([Order.of(row) for row in rows])
            orders = Order.objects.filter(customer=customer, item__startswith="batch-")
            totals = orders.aggregate(count=models.Count("*"), sum=models.Sum("quantity"))
            return totals["count"], totals["sum"]

    def rollback(self, customer):
        orders = Order.objects.filter(customer=customer)
        try:
            with transaction.atomic():
                self.create((customer, "undone", 1, 1))
                try:
                    with transaction.atomic():
                        self.create((customer, "undone at once", 1, 1))
                        raise Undone
                except Undone:
                    during = orders.count()
                raise Undone
        except Undone:
            return during, orders.count()

    def fail(self, row):
        try:
            self.create(row)
        except IntegrityError as error:
            return error.__cause__.sqlstate, str(error)
        raise AssertionError("the constraint did not hold")

    def types(self):
        with connection.cursor() as cursor:
            cursor.execute(config.POSTGRES_TYPES)
            names = [column[0] for column in cursor.description]
            return dict(zip(names, cursor.fetchone()))


class Closing:
    """A store whose every call ends as a request to Django does: the connection goes back to the pool."""

    def __init__(self, store):
        self.store = store

    def __getattr__(self, name):
        method = getattr(self.store, name)

        def call(*arguments):
            try:
                return method(*arguments)
            finally:
                connection.close()

        return call


def open_store(_driver):
    return Closing(Store())
