//! The methods of serde that the writers of JSON and of MessagePack pass on in the same way.

/// Values that are written as another value. The writer has the rest of `Serializer`.
macro_rules! plain_values {
    () => {
        fn serialize_none(self) -> Result<(), Error> {
            self.serialize_unit()
        }

        fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
            value.serialize(self)
        }

        fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
            self.serialize_unit()
        }

        fn serialize_unit_variant(
            self,
            _: &'static str,
            _: u32,
            variant: &'static str,
        ) -> Result<(), Error> {
            self.serialize_str(variant)
        }

        fn serialize_newtype_struct<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            value: &T,
        ) -> Result<(), Error> {
            value.serialize(self)
        }
    };
}

/// The traits for arrays and structs, by the methods `item`, `field` and `finish` of the types.
macro_rules! compounds {
    ($items:ty, $fields:ty) => {
        compounds! { @items $items:
            SerializeSeq::serialize_element SerializeTuple::serialize_element
            SerializeTupleStruct::serialize_field SerializeTupleVariant::serialize_field
        }
        compounds! { @fields $fields: SerializeStruct SerializeStructVariant }
    };
    (@items $type:ty: $($trait:ident::$method:ident)*) => {$(
        impl serde::ser::$trait for $type {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.item(value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        }
    )*};
    (@fields $type:ty: $($trait:ident)*) => {$(
        impl serde::ser::$trait for $type {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        }
    )*};
}

pub(super) use {compounds, plain_values};
