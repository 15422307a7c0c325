"""SQLAlchemy's ORM over psycopg."""

from decimal import Decimal

import config
from sqlalchemy import BigInteger, CheckConstraint, Numeric, String, create_engine, func, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (CheckConstraint("quantity > 0", name="positive"),)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    customer: Mapped[str] = mapped_column(String)
    item: Mapped[str] = mapped_column(String)
    quantity: Mapped[int]
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))

    def row(self):
        return self.id, self.customer, self.item, self.quantity, self.price

    @classmethod
    def of(cls, row):
        return cls(**dict(zip(("customer", "item", "quantity", "price"), row)))


class Store:
    def __init__(self, engine):
        self.engine = engine

    def setup(self):
        Base.metadata.create_all(self.engine)

    def create(self, row):
        with Session(self.engine) as session:
            order = Order.of(row)
            session.add(order)
            session.commit()
            return order.row()

    def load(self, order_id):
        with Session(self.engine) as session:
            order = session.get(Order, order_id)
            return order and order.row()

    def list(self, customer, other):
        query = select(Order).where(Order.customer == customer).order_by(Order.id)
        query = query.where(Order.quantity < 1000) if other else query
        with Session(self.engine) as session:
            return [order.row() for order in session.scalars(query)]

    def batch(self, customer, rows):
        with Session(self.engine) as session:
            session.add_all([Order.of(row) for row in rows])
            session.flush()
            query = select(func.count(), func.sum(Order.quantity)).where(Order.customer == customer)
            answer = session.execute(query.where(Order.item.like("batch-%"))).one()
            session.commit()
            return answer

    def rollback(self, customer):
        count = select(func.count()).select_from(Order).where(Order.customer == customer)
        with Session(self.engine) as session:
            session.add(Order.of((customer, "undone", 1, 1)))
            half = session.begin_nested()
            session.add(Order.of((customer, "undone at once", 1, 1)))
            session.flush()
            half.rollback()
            during = session.scalar(count)
            session.rollback()
            return during, session.scalar(count)

    def fail(self, row):
        try:
            self.create(row)
        except IntegrityError as error:
            return error.orig.sqlstate, str(error.orig)
        raise AssertionError("the constraint did not hold")

    def types(self):
        with self.engine.connect() as connection:
            return dict(connection.execute(text(config.POSTGRES_TYPES.replace("::", r"\:\:"))).mappings().one())


def open_store(_driver):
    query = {"sslmode": config.POSTGRES_SSLMODE}
    if config.TLS == "verify":
        query["sslrootcert"] = config.CA or "system"
    where = URL.create(
        "postgresql+psycopg", config.USER, config.PASSWORD, config.HOST, config.PORT, config.NAME, query
    )
    return Store(create_engine(where, pool_size=config.POOL_SIZE, max_overflow=0))
